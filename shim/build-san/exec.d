build-san/exec.o: src/exec.c src/env.h src/real.h src/state.h \
 include/ouro_abi.h
