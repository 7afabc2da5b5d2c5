build-san/hostent.o: src/hostent.c src/addr.h src/text.h src/real.h \
 src/resolve.h include/ouro_abi.h
