build-san/options_tcp.o: src/options_tcp.c src/options.h src/fd.h \
 include/ouro_abi.h src/addr.h src/text.h src/real.h src/stream.h \
 src/table.h
