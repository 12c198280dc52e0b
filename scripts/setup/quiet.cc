// mute() and restore() standard error while TensorFlow loads: its first notes (oneDNN is on, the processor has AVX2 ...) heed no
// environment variable and would stand on top of every command's output and notebook.
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

static int saved = -1;

static napi_value Mute(napi_env, napi_callback_info) {
  const int nowhere = open("/dev/null", O_WRONLY);
  if (saved < 0 && nowhere >= 0) {
    saved = dup(STDERR_FILENO);
    dup2(nowhere, STDERR_FILENO);
  }
  close(nowhere);
  return nullptr;
}

static napi_value Restore(napi_env, napi_callback_info) {
  if (saved >= 0) {
    dup2(saved, STDERR_FILENO);
    close(saved);
    saved = -1;
  }
  return nullptr;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "mute", NAPI_AUTO_LENGTH, Mute, nullptr, &function);
  napi_set_named_property(env, exports, "mute", function);
  napi_create_function(env, "restore", NAPI_AUTO_LENGTH, Restore, nullptr, &function);
  napi_set_named_property(env, exports, "restore", function);
  return exports;
}
