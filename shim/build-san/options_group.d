build-san/options_group.o: src/options_group.c src/options.h src/fd.h \
 include/ouro_abi.h src/addr.h src/text.h
