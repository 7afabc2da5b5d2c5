build-san/procfd.o: src/procfd.c src/procfd.h
