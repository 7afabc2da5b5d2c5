build-san/dgram.o: src/dgram.c src/dgram.h src/addr.h src/text.h src/fd.h \
 include/ouro_abi.h src/ctl.h src/name.h src/options.h src/real.h \
 src/say.h src/stream.h src/swap.h src/table.h
