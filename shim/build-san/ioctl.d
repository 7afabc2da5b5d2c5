build-san/ioctl.o: src/ioctl.c src/fd.h include/ouro_abi.h src/real.h
