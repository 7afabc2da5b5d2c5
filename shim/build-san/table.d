build-san/table.o: src/table.c src/table.h src/addr.h src/text.h \
 include/ouro_abi.h src/state.h
