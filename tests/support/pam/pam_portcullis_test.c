/* A PAM module that does what a test's PAM service file tells it, one word after the other:
 *
 *   ask=TEXT answer=TEXT   asks without echo, PAM_AUTH_ERR when the answer is another
 *   show=TEXT              asks with echo, takes any answer
 *   info=TEXT error=TEXT   tells something
 *   many=N                 tells N things
 *   user=NAME              changes the name, as a directory's module may
 *   env=NAME=VALUE         sets a variable for the session
 *   code=N                 answers this code at once
 *   hang                   never answers
 *   crash                  dies
 *   exit                   ends its process in good order
 *   slow=NAME              takes 50 ms longer when it is asked about this name
 *   at_close=FILE          makes this file when the session closes
 *
 * Underscores in a text stand for spaces. */
#include <security/pam_appl.h>
#include <security/pam_modules.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int say(pam_handle_t *handle, int style, const char *word, char **answer) {
  const struct pam_conv *conversation;
  struct pam_response *response = NULL;
  char text[2048];
  size_t at;
  for (at = 0; word[at] && at < sizeof text - 1; at++) text[at] = word[at] == '_' ? ' ' : word[at];
  text[at] = 0;
  struct pam_message message = {style, text};
  const struct pam_message *messages = &message;
  int code = pam_get_item(handle, PAM_CONV, (const void **)&conversation);
  if (code != PAM_SUCCESS) return code;
  code = conversation->conv(1, &messages, &response, conversation->appdata_ptr);
  if (code != PAM_SUCCESS) return code;
  *answer = response ? response->resp : NULL;
  return PAM_SUCCESS;
}

static int obey(pam_handle_t *handle, int argc, const char **argv) {
  char *answer = NULL;
  for (int at = 0; at < argc; at++) {
    const char *word = argv[at];
    int code = PAM_SUCCESS;
    if (!strncmp(word, "ask=", 4)) code = say(handle, PAM_PROMPT_ECHO_OFF, word + 4, &answer);
    else if (!strncmp(word, "show=", 5)) code = say(handle, PAM_PROMPT_ECHO_ON, word + 5, &answer);
    else if (!strncmp(word, "info=", 5)) code = say(handle, PAM_TEXT_INFO, word + 5, &answer);
    else if (!strncmp(word, "error=", 6)) code = say(handle, PAM_ERROR_MSG, word + 6, &answer);
    else if (!strncmp(word, "answer=", 7)) code = answer && !strcmp(answer, word + 7) ? PAM_SUCCESS : PAM_AUTH_ERR;
    else if (!strncmp(word, "user=", 5)) code = pam_set_item(handle, PAM_USER, word + 5);
    else if (!strncmp(word, "env=", 4)) code = pam_putenv(handle, word + 4);
    else if (!strncmp(word, "code=", 5)) return atoi(word + 5);
    else if (!strcmp(word, "hang")) for (;;) pause();
    else if (!strcmp(word, "crash")) abort();
    else if (!strcmp(word, "exit")) exit(0);
    else if (!strncmp(word, "slow=", 5)) {
      const void *user = NULL;
      code = pam_get_item(handle, PAM_USER, &user);
      if (code == PAM_SUCCESS && user && !strcmp(user, word + 5)) usleep(50000);
    } else if (!strncmp(word, "many=", 5))
      for (int count = atoi(word + 5); count > 0 && code == PAM_SUCCESS; count--)
        code = say(handle, PAM_TEXT_INFO, "one_of_many", &answer);
    if (code != PAM_SUCCESS) return code;
  }
  return PAM_SUCCESS;
}

int pam_sm_authenticate(pam_handle_t *handle, int flags, int argc, const char **argv) {
  (void)flags;
  return obey(handle, argc, argv);
}
int pam_sm_setcred(pam_handle_t *handle, int flags, int argc, const char **argv) {
  (void)handle, (void)flags, (void)argc, (void)argv;
  return PAM_SUCCESS;
}
int pam_sm_acct_mgmt(pam_handle_t *handle, int flags, int argc, const char **argv) {
  (void)flags;
  return obey(handle, argc, argv);
}
int pam_sm_open_session(pam_handle_t *handle, int flags, int argc, const char **argv) {
  (void)flags;
  return obey(handle, argc, argv);
}
int pam_sm_close_session(pam_handle_t *handle, int flags, int argc, const char **argv) {
  (void)handle, (void)flags;
  for (int at = 0; at < argc; at++)
    if (!strncmp(argv[at], "at_close=", 9)) close(open(argv[at] + 9, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  return PAM_SUCCESS;
}
