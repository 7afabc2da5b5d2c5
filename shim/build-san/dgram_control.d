build-san/dgram_control.o: src/dgram_control.c src/dgram.h src/addr.h \
 src/text.h src/fd.h include/ouro_abi.h src/options.h src/table.h
