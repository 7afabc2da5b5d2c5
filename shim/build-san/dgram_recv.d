build-san/dgram_recv.o: src/dgram_recv.c src/dgram.h src/addr.h \
 src/text.h src/fd.h include/ouro_abi.h src/dgram_iov.h src/real.h \
 src/table.h
