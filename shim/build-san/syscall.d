build-san/syscall.o: src/syscall.c src/real.h
