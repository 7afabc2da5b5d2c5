build-san/names.o: src/names.c src/dgram.h src/addr.h src/text.h src/fd.h \
 include/ouro_abi.h src/real.h src/stream.h src/table.h
