build-san/options.o: src/options.c src/options.h src/fd.h \
 include/ouro_abi.h src/addr.h src/text.h src/dgram.h src/real.h \
 src/say.h src/stream.h src/table.h
