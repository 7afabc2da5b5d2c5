build-san/options_copy.o: src/options_copy.c src/options.h src/fd.h \
 include/ouro_abi.h src/real.h src/table.h src/addr.h src/text.h
