build-san/swap.o: src/swap.c src/swap.h src/fd.h include/ouro_abi.h \
 src/options.h src/procfd.h src/real.h src/stream.h src/addr.h src/text.h \
 src/table.h
