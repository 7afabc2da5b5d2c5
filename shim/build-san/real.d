build-san/real.o: src/real.c src/real.h
