build-san/dgram_iov.o: src/dgram_iov.c src/dgram_iov.h include/ouro_abi.h
