build-san/init.o: src/init.c src/ctl.h src/addr.h src/text.h src/fd.h \
 include/ouro_abi.h src/env.h src/procfd.h src/real.h src/say.h \
 src/sha256.h src/state.h
