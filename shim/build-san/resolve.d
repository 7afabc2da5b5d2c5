build-san/resolve.o: src/resolve.c src/resolve.h include/ouro_abi.h \
 src/addr.h src/text.h src/ctl.h src/fd.h src/real.h src/say.h \
 src/state.h
