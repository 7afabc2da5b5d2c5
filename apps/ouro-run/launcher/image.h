/*
 * What has to be known of an executable before it is run under the shim: the dynamic loader must
 * load it (LD_PRELOAD), and it must be glibc's. Reads the headers alone; every offset is checked,
 * as the file may be anything.
 */
#ifndef OURO_IMAGE_H
#define OURO_IMAGE_H

enum image_kind {
    IMAGE_DYNAMIC,
    IMAGE_SCRIPT,
    IMAGE_UNSUITABLE, /* cannot run under the shim */
    IMAGE_UNKNOWN,    /* neither ELF nor script */
    IMAGE_UNREADABLE,
};

/*
 * `*text`: of a script its interpreter; of an unsuitable image the reason, which ends the sentence
 * "PROGRAM is …".
 */
enum image_kind read_image(const char *path, const char **text);

#endif
