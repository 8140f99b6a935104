/*
 * Answers questions with MIT's library: one line in (operation, numbers, strings in hexadecimal
 * with "-" for an empty one), one line out ("ok" and the result, or "error" and the code).
 */
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static krb5_data
unhex(const char *digits)
{
    krb5_data out = { 0 };
    size_t i, n = strcmp(digits, "-") == 0 ? 0 : strlen(digits) / 2;
    unsigned int byte;

    out.data = calloc(1, n + 1);
    out.length = n;
    for (i = 0; i < n; i++) {
        if (sscanf(digits + 2 * i, "%2x", &byte) != 1)
            exit(2);
        out.data[i] = (char)byte;
    }
    return out;
}

static krb5_keyblock
key_of(const char *enctype, const char *digits)
{
    krb5_keyblock key = { 0 };
    krb5_data bytes = unhex(digits);

    key.enctype = atoi(enctype);
    key.length = bytes.length;
    key.contents = (krb5_octet *)bytes.data;
    return key;
}

static krb5_data
room(size_t length)
{
    krb5_data out = { 0 };

    out.data = calloc(1, length + 1);
    out.length = length;
    return out;
}

static krb5_data
of_key(const krb5_keyblock *key)
{
    krb5_data out = { 0 };

    out.data = (char *)key->contents;
    out.length = key->length;
    return out;
}

/* Words: operation, then its arguments. */
static krb5_error_code
answer(char **word, krb5_data *out)
{
    krb5_error_code ret;

    if (strcmp(word[0], "encrypt") == 0) {
        krb5_keyblock key = key_of(word[1], word[2]);
        krb5_data plain = unhex(word[4]);
        krb5_enc_data sealed = { 0 };
        size_t length;

        ret = krb5_c_encrypt_length(NULL, key.enctype, plain.length, &length);
        if (ret)
            return ret;
        sealed.ciphertext = room(length);
        ret = krb5_c_encrypt(NULL, &key, atol(word[3]), NULL, &plain, &sealed);
        *out = sealed.ciphertext;
    } else if (strcmp(word[0], "decrypt") == 0) {
        krb5_keyblock key = key_of(word[1], word[2]);
        krb5_enc_data sealed = { 0 };

        sealed.enctype = key.enctype;
        sealed.ciphertext = unhex(word[4]);
        *out = room(sealed.ciphertext.length);
        ret = krb5_c_decrypt(NULL, &key, atol(word[3]), NULL, &sealed, out);
    } else if (strcmp(word[0], "checksum") == 0) {
        krb5_keyblock key = key_of(word[1], word[2]);
        krb5_data data = unhex(word[4]);
        krb5_checksum sum = { 0 };

        ret = krb5_c_make_checksum(NULL, atoi(word[5]), &key, atol(word[3]), &data, &sum);
        out->data = (char *)sum.contents;
        out->length = sum.length;
    } else if (strcmp(word[0], "password") == 0) {
        krb5_data text = unhex(word[2]), salt = unhex(word[3]), params = unhex(word[4]);
        krb5_keyblock key = { 0 };

        ret = krb5_c_string_to_key_with_params(NULL, atoi(word[1]), &text, &salt,
                                               params.length ? &params : NULL, &key);
        *out = of_key(&key);
    } else if (strcmp(word[0], "prf") == 0) {
        krb5_keyblock key = key_of(word[1], word[2]);
        krb5_data input = unhex(word[3]);
        size_t length;

        ret = krb5_c_prf_length(NULL, key.enctype, &length);
        if (ret)
            return ret;
        *out = room(length);
        ret = krb5_c_prf(NULL, &key, &input, out);
    } else if (strcmp(word[0], "prfplus") == 0) {
        krb5_keyblock key = key_of(word[1], word[2]);
        krb5_data input = unhex(word[3]);

        *out = room(atol(word[4]));
        ret = krb5_c_prfplus(NULL, &key, &input, out);
    } else if (strcmp(word[0], "combine") == 0) {
        krb5_keyblock first = key_of(word[1], word[2]), second = key_of(word[3], word[4]);
        krb5_keyblock *key = NULL;

        ret = krb5_c_fx_cf2_simple(NULL, &first, "left", &second, "right", &key);
        if (!ret)
            *out = of_key(key);
    } else if (strcmp(word[0], "random") == 0) {
        krb5_data seed = unhex(word[2]);
        krb5_keyblock key = { 0 };

        key.enctype = atoi(word[1]);
        key.length = atoi(word[3]);
        key.contents = calloc(1, key.length);
        ret = krb5_c_random_to_key(NULL, key.enctype, &seed, &key);
        *out = of_key(&key);
    } else {
        exit(2);
    }
    return ret;
}

int
main(void)
{
    static char line[1 << 20];
    char *word[8] = { 0 };
    size_t n;

    while (fgets(line, sizeof(line), stdin) != NULL) {
        krb5_data out = { 0 };
        krb5_error_code ret;
        unsigned int i;

        n = 0;
        word[n] = strtok(line, " \n");
        while (word[n] != NULL && n < 7)
            word[++n] = strtok(NULL, " \n");
        ret = answer(word, &out);
        if (ret) {
            printf("error %ld\n", (long)ret);
        } else {
            printf("ok ");
            for (i = 0; i < out.length; i++)
                printf("%02x", out.data[i] & 0xff);
            printf("\n");
        }
        fflush(stdout);
    }
    return 0;
}
