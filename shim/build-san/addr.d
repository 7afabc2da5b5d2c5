build-san/addr.o: src/addr.c src/addr.h src/text.h
