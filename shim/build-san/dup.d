build-san/dup.o: src/dup.c src/fd.h include/ouro_abi.h src/real.h
