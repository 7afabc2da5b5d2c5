build-san/accept.o: src/accept.c src/fd.h include/ouro_abi.h src/name.h \
 src/addr.h src/text.h src/options.h src/real.h src/say.h src/stream.h
