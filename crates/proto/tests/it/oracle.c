/* Asks MIT's library what our code should answer. Commands on stdin, one a line; one answer each. */
#include <krb5.h>
#include <profile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static krb5_context context;

static void values(char *rest)
{
    const char *names[8] = { 0 };
    char **list = NULL, **p;
    size_t n = 0;
    profile_t profile;
    long ret;

    for (char *name = strtok(rest, "|"); name != NULL && n < 7; name = strtok(NULL, "|"))
        names[n++] = name;
    if (krb5_get_profile(context, &profile) != 0) {
        puts("no profile");
        return;
    }
    ret = profile_get_values(profile, names, &list);
    for (p = list; ret == 0 && *p != NULL; p++) {
        /* An answer is one line. */
        for (char *c = *p; *c != '\0'; c++)
            *c = *c == '\n' ? '~' : *c;
        printf("<%s>", *p);
    }
    puts("");
    if (ret == 0)
        profile_free_list(list);
    profile_release(profile);
}

static void delta(char *text)
{
    krb5_deltat seconds;

    if (krb5_string_to_deltat(text, &seconds) != 0)
        puts("error");
    else
        printf("%ld\n", (long)seconds);
}

static void timestamp(char *text)
{
    krb5_timestamp time;

    if (krb5_string_to_timestamp(text, &time) != 0)
        puts("error");
    else
        printf("%lu\n", (unsigned long)(unsigned int)time);
}

static void localname(char *text)
{
    krb5_principal principal;
    char name[256];
    krb5_error_code ret;

    if (krb5_parse_name(context, text, &principal) != 0) {
        puts("unparsable");
        return;
    }
    ret = krb5_aname_to_localname(context, principal, sizeof(name), name);
    if (ret == 0)
        printf("=%s\n", name);
    else if (ret == KRB5_LNAME_NOTRANS)
        puts("notrans");
    else if (ret == KRB5_CONFIG_BADFORMAT)
        puts("badformat");
    else
        printf("other %ld\n", (long)ret);
    krb5_free_principal(context, principal);
}

static void userok(char *rest)
{
    char *user = strtok(rest, "|"), *text = strtok(NULL, "|");
    krb5_principal principal;

    if (krb5_parse_name(context, text, &principal) != 0) {
        puts("unparsable");
        return;
    }
    puts(krb5_kuserok(context, principal, user) ? "yes" : "no");
    krb5_free_principal(context, principal);
}

static void hostrealm(char *host)
{
    char **realms = NULL, **fallback = NULL;
    krb5_data data = { 0, (unsigned int)strlen(host), host };

    if (krb5_get_host_realm(context, host, &realms) != 0 ||
        krb5_get_fallback_host_realm(context, &data, &fallback) != 0) {
        puts("error");
        return;
    }
    printf("%s|%s\n", realms[0], fallback[0]);
    krb5_free_host_realm(context, realms);
    krb5_free_host_realm(context, fallback);
}

static void appdefault(char *rest)
{
    char *app = strtok(rest, "|"), *realm = strtok(NULL, "|"), *option = strtok(NULL, "|"), *value;
    krb5_data data = { 0, (unsigned int)strlen(realm), realm };

    krb5_appdefault_string(context, app, &data, option, "(none)", &value);
    puts(value);
    free(value);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(char *);
    } commands[] = {
        { "values ", values }, { "delta ", delta }, { "timestamp ", timestamp },
        { "localname ", localname }, { "userok ", userok }, { "hostrealm ", hostrealm },
        { "appdefault ", appdefault },
    };
    char line[65536];
    krb5_error_code ret = krb5_init_context(&context);

    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (ret != 0) {
            printf("init error\n");
        } else if (strcmp(line, "ccname") == 0) {
            puts(krb5_cc_default_name(context));
        } else {
            for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
                size_t length = strlen(commands[i].name);

                if (strncmp(line, commands[i].name, length) == 0)
                    commands[i].run(line + length);
            }
        }
        fflush(stdout);
    }
    return 0;
}
