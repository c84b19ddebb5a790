// What this machine's memory costs: reads that wait for each other, reads that overlap, and a read and write of lines that were
// asked for 32 at a time before; in a gigabyte of 4 KiB and of 2 MiB pages. It is the floor of whatever finds a flow in a large table.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { LINE = 128, BATCH = 32, READS = 4000000 };
static const size_t SIZE = 1ul << 30, HUGE = 2ul << 20;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static uint64_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % (SIZE / LINE) * LINE;
}

int main(void) {
    for (int huge = 0; huge <= 1; huge++) {
        char *all = mmap(NULL, SIZE + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (all == MAP_FAILED) return perror("mmap"), 1;
        char *bytes = (char *)(((uintptr_t)all + HUGE - 1) & ~(HUGE - 1));
        madvise(bytes, SIZE, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
        memset(bytes, 1, SIZE);
        uint64_t state = 88172645463325252ull;
        volatile uint64_t sum = 0;
        double begun = now();
        for (int i = 0; i < READS; i++) {
            uint64_t read = *(volatile uint64_t *)(bytes + next(&state));
            state += read & 1;
        }
        double dependent = (now() - begun) / READS;
        begun = now();
        for (int i = 0; i < READS; i++) sum += *(volatile uint64_t *)(bytes + next(&state));
        double independent = (now() - begun) / READS;
        begun = now();
        for (int i = 0; i < READS / BATCH; i++) {
            size_t at[BATCH];
            for (int j = 0; j < BATCH; j++) __builtin_prefetch(bytes + (at[j] = next(&state)), 1);
            for (int j = 0; j < BATCH; j++) ++*(volatile uint64_t *)(bytes + at[j]);
        }
        double batched = (now() - begun) / READS;
        printf("%s%s pages: a read that waits for the one before %.0f ns, one that does not %.0f ns, a line updated in batches %.0f ns",
               huge ? "; " : "", huge ? "2 MiB" : "4 KiB", dependent, independent, batched);
        munmap(all, SIZE + HUGE);
    }
    printf("\n");
    return 0;
}
