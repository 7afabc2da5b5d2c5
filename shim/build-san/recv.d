build-san/recv.o: src/recv.c src/dgram.h src/addr.h src/text.h src/fd.h \
 include/ouro_abi.h src/real.h
