build-san/listen.o: src/listen.c src/ctl.h src/addr.h src/text.h src/fd.h \
 include/ouro_abi.h src/name.h src/real.h src/say.h src/stream.h \
 src/swap.h src/table.h
