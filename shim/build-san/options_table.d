build-san/options_table.o: src/options_table.c src/options.h src/fd.h \
 include/ouro_abi.h src/name.h src/addr.h src/text.h src/table.h
