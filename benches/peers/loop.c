// The least a program can do with a capture by libpcap: pcap_next_ex to the end, adding lengths.
#include <pcap/pcap.h>
#include <stdio.h>

int main(int argc, char **argv) {
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *capture = argc == 2 ? pcap_open_offline(argv[1], error) : NULL;
    if (!capture) {
        fprintf(stderr, "usage: loop FILE (%s)\n", argc == 2 ? error : "one argument");
        return 1;
    }
    struct pcap_pkthdr *header;
    const u_char *data;
    unsigned long long packets = 0, bytes = 0;
    while (pcap_next_ex(capture, &header, &data) == 1) {
        packets++;
        bytes += header->len;
    }
    printf("%llu packets %llu bytes\n", packets, bytes);
    return 0;
}
