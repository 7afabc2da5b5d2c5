build-san/ctl.o: src/ctl.c src/ctl.h src/addr.h src/text.h src/fd.h \
 include/ouro_abi.h src/name.h src/options.h src/real.h src/state.h
