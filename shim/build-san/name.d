build-san/name.o: src/name.c src/name.h src/addr.h src/text.h src/real.h \
 src/state.h include/ouro_abi.h
