/* Replaces libc's fsync and fdatasync, by LD_PRELOAD, and makes them fail or lie.

   SYNCS_FAIL_WHILE=FILE   while FILE exists, they fail like those of a broken disk, and append the synced file's name to it
   SYNCS_SKIPPED=ENDING    for files with this ending, they do nothing and report success */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void find_name(int file, char name[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, name, PATH_MAX - 2);
    name[length > 0 ? length : 0] = 0;
}

static int is_skipped(const char *name) {
    const char *ending = getenv("SYNCS_SKIPPED");
    size_t length = strlen(name);
    return ending && length >= strlen(ending) && strcmp(name + length - strlen(ending), ending) == 0;
}

static int fails(char *name) {
    const char *trigger = getenv("SYNCS_FAIL_WHILE");
    int file = trigger ? open(trigger, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    strcat(name, "\n");
    ssize_t noted = write(file, name, strlen(name));
    close(file);
    return noted > 0;
}

static int sync_by(long call, int file) {
    char name[PATH_MAX];
    find_name(file, name);
    if (is_skipped(name))
        return 0;
    if (fails(name)) {
        errno = EIO;
        return -1;
    }
    return syscall(call, file);
}

int fsync(int file) { return sync_by(SYS_fsync, file); }

int fdatasync(int file) { return sync_by(SYS_fdatasync, file); }
