/* load LIBRARY SYMBOL: loads a plugin as its hosts do. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv) {
    void *library = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library == NULL || dlsym(library, argv[2]) == NULL) {
        fprintf(stderr, "load: %s\n", argc == 3 ? dlerror() : "LIBRARY SYMBOL");
        return 1;
    }
    return 0;
}
