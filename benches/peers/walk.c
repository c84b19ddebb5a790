// The least a program can do with a capture: the records of a little-endian pcap, mapped, adding lengths.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { FILE_HEADER = 24, RECORD_HEADER = 16 };

int main(int argc, char **argv) {
    struct stat status;
    int file = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    if (file < 0 || fstat(file, &status) || status.st_size < FILE_HEADER) {
        fprintf(stderr, "usage: walk FILE\n");
        return 1;
    }
    size_t size = (size_t)status.st_size;
    const unsigned char *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    madvise((void *)bytes, size, MADV_SEQUENTIAL);
    unsigned long long packets = 0, sum = 0;
    for (size_t at = FILE_HEADER; at + RECORD_HEADER <= size;) {
        uint32_t lengths[2];
        memcpy(lengths, bytes + at + 8, sizeof lengths);
        packets++;
        sum += lengths[1];
        at += RECORD_HEADER + lengths[0];
    }
    printf("%llu packets %llu bytes\n", packets, sum);
    return 0;
}
