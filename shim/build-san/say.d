build-san/say.o: src/say.c src/say.h src/addr.h src/text.h src/real.h \
 src/state.h include/ouro_abi.h
