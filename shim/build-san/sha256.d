build-san/sha256.o: src/sha256.c src/sha256.h
