// measure OUT LIMIT_S PROGRAM...: runs a program and appends one line to OUT: wall, user and system seconds, the most resident
// memory in KiB, and the most of it that is the program's own (anonymous: a mapped capture is the page cache's). The latter is
// looked up every 10 ms, so a peak shorter than that may be missed. After LIMIT_S seconds the program is killed. Ends as it ended.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

static long own_kib(pid_t child) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", (int)child);
    int file = open(path, O_RDONLY);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return 0;
    text[length] = 0;
    const char *field = strstr(text, "RssAnon:");
    return field ? atol(field + strlen("RssAnon:")) : 0;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(stderr, "usage: measure OUT LIMIT_S PROGRAM...\n");
        return 2;
    }
    sigset_t ended;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ended, NULL);
    double begun = now(), limit = atof(argv[2]);
    pid_t child = fork();
    if (child < 0) return perror("fork"), 2;
    if (child == 0) {
        sigprocmask(SIG_UNBLOCK, &ended, NULL);
        execvp(argv[3], argv + 3);
        perror(argv[3]);
        _exit(127);
    }
    struct rusage usage;
    int status;
    long most_own = 0;
    const struct timespec pause = {.tv_nsec = 10000000};
    while (wait4(child, &status, WNOHANG, &usage) == 0) {
        long own = own_kib(child);
        if (own > most_own) most_own = own;
        if (now() - begun > limit) kill(child, SIGKILL);
        sigtimedwait(&ended, NULL, &pause);
    }
    double wall = now() - begun;
    FILE *out = fopen(argv[1], "a");
    if (!out) return perror(argv[1]), 2;
    fprintf(out, "%.6f\t%.6f\t%.6f\t%ld\t%ld\n", wall, seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss, most_own);
    fclose(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
