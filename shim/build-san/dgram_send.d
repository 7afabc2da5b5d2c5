build-san/dgram_send.o: src/dgram_send.c src/dgram.h src/addr.h \
 src/text.h src/fd.h include/ouro_abi.h src/dgram_iov.h src/options.h \
 src/real.h src/table.h
