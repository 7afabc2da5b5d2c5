build-san/socket.o: src/socket.c src/fd.h include/ouro_abi.h src/real.h \
 src/say.h src/addr.h src/text.h src/state.h src/table.h
