build-san/stream.o: src/stream.c src/stream.h src/addr.h src/text.h \
 src/fd.h include/ouro_abi.h src/name.h src/real.h src/table.h
