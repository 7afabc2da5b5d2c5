build-san/fd.o: src/fd.c src/fd.h include/ouro_abi.h src/name.h \
 src/addr.h src/text.h src/real.h src/state.h src/table.h
