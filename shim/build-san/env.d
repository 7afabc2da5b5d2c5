build-san/env.o: src/env.c src/env.h src/text.h
