// TensorFlow's collective runtime, which its C library exports and no header names: several processes that reduce tensors together over gRPC.
// Part of functions.cc; src/engine/cluster.ts is what calls it.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#ifdef __linux__
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif

// Weak: an addon that is linked to another TensorFlow still loads, and has no clusters.
extern "C" {
__attribute__((weak)) void TFE_EnableCollectiveOps(TFE_Context *, const void *, size_t, TF_Status *);
__attribute__((weak)) void TFE_AbortCollectiveOps(TFE_Context *, TF_Status *);
__attribute__((weak)) void TFE_CollectiveOpsCheckPeerHealth(TFE_Context *, const char *, int64_t, TF_Status *);
}

namespace tfnodejs {
namespace {

bool HasClusters() { return TFE_EnableCollectiveOps && TFE_AbortCollectiveOps && TFE_CollectiveOpsCheckPeerHealth; }

// The thread that asks every peer from time to time whether it lives. JavaScript cannot: it may wait inside of a reduction.
struct Watch {
  std::thread thread;
  std::mutex mutex;
  std::condition_variable ending;
  bool end = false;
  // Number of the peer that was found dead, and what TensorFlow said.
  int lost = -1;
  std::string why;

  void Stop() {
    {
      std::lock_guard<std::mutex> guard(mutex);
      end = true;
    }
    ending.notify_all();
    if (thread.joinable()) thread.join();
  }
};
Watch watch;

// clusterStart(ServerDef as Uint8Array, number of this process): this process listens, and its tensors are those of a worker from here on
napi_value ClusterStart(napi_env env, napi_callback_info info) {
  Arguments<2> a(env, info);
  if (!HasClusters()) return Refuse(env, "this TensorFlow has no collective runtime");
  TFJSBackend *backend = GetTFJSBackend(env);
  napi_typedarray_type type;
  size_t length = 0;
  void *data = nullptr;
  napi_get_typedarray_info(env, a[0], &type, &length, &data, nullptr, nullptr);
  TF_AutoStatus status;
  TFE_EnableCollectiveOps(backend->tfe_context_, data, length, status.status);
  if (Failed(env, status)) return nullptr;
  // Its devices have other names now.
  const auto device = backend->device_name.find("/device:");
  backend->device_name = "/job:worker/replica:0/task:" + std::to_string(Int(env, a[1])) + backend->device_name.substr(device);
  napi_add_env_cleanup_hook(env, [](void *) { watch.Stop(); }, nullptr);
  return nullptr;
}

// clusterLimit(port, addresses of this machine) -> whether the server hears from now on what is sent to these alone. TensorFlow's server listens on
// all addresses, whatever it is told: its sockets get a filter, which drops what is meant for others.
napi_value ClusterLimit(napi_env env, napi_callback_info info) {
  Arguments<2> a(env, info);
  int limited = 0;
#ifdef __linux__
  std::vector<sock_filter> filter;
  const auto add = [&filter](uint16_t code, uint32_t k, uint8_t otherwise = 0) { filter.push_back({code, 0, otherwise, k}); };
  uint32_t count = 0;
  napi_get_array_length(env, a[1], &count);
  for (uint32_t i = 0; i < count; i++) {
    napi_value element;
    napi_get_element(env, a[1], i, &element);
    const std::string text = Text(env, element);
    uint32_t words[4];
    const bool v6 = inet_pton(AF_INET6, text.c_str(), words) == 1;
    if (!v6 && inet_pton(AF_INET, text.c_str(), words) != 1) continue;
    const int n = v6 ? 4 : 1;
    // To the next address where a word differs.
    add(BPF_LD | BPF_H | BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL);
    add(BPF_JMP | BPF_JEQ | BPF_K, v6 ? ETH_P_IPV6 : ETH_P_IP, static_cast<uint8_t>(2 * n + 1));
    for (int w = 0; w < n; w++) {
      add(BPF_LD | BPF_W | BPF_ABS, SKF_NET_OFF + (v6 ? 24 : 16) + 4 * w);
      add(BPF_JMP | BPF_JEQ | BPF_K, ntohl(words[w]), static_cast<uint8_t>(2 * (n - 1 - w) + 1));
    }
    add(BPF_RET | BPF_K, 0xffffffff);
  }
  add(BPF_RET | BPF_K, 0);
  const sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  for (int fd = 3; fd < 4096; fd++) {
    int listening = 0;
    socklen_t size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening) continue;
    sockaddr_storage address;
    size = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size) != 0) continue;
    const uint16_t port = address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 *>(&address)->sin6_port
                                                        : reinterpret_cast<sockaddr_in *>(&address)->sin_port;
    if (ntohs(port) != Int(env, a[0])) continue;
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
      limited = 0;
      break;
    }
    limited++;
  }
#endif
  napi_value result;
  napi_get_boolean(env, limited > 0, &result);
  return result;
}

std::string Task(int number) { return "/job:worker/replica:0/task:" + std::to_string(number); }

// clusterAsk(number of a worker, milliseconds) -> '' where it answers in that time, else TensorFlow's message
napi_value ClusterAsk(napi_env env, napi_callback_info info) {
  Arguments<2> a(env, info);
  TF_AutoStatus status;
  TFE_CollectiveOpsCheckPeerHealth(GetTFJSBackend(env)->tfe_context_, Task(Int(env, a[0])).c_str(), Int(env, a[1]), status.status);
  const bool ok = TF_GetCode(status.status) == TF_OK;
  const char *message = TF_Message(status.status);
  napi_value text;
  napi_create_string_utf8(env, ok ? "" : *message ? message : "no answer", NAPI_AUTO_LENGTH, &text);
  return text;
}

// clusterWatch(numbers of the peers Int32Array, milliseconds between two rounds, milliseconds for an answer): ends all reductions where one
// does not answer three times
napi_value ClusterWatch(napi_env env, napi_callback_info info) {
  Arguments<3> a(env, info);
  auto numbers = Ints(env, a[0]);
  std::vector<int32_t> peers(numbers.first, numbers.first + numbers.second);
  const auto pause = std::chrono::milliseconds(Int(env, a[1]));
  const int32_t patience = Int(env, a[2]);
  TFE_Context *context = GetTFJSBackend(env)->tfe_context_;
  watch.thread = std::thread([peers, pause, patience, context] {
    std::unique_lock<std::mutex> lock(watch.mutex);
    while (!watch.ending.wait_for(lock, pause, [] { return watch.end; })) {
      lock.unlock();
      int lost = -1;
      std::string why;
      for (int32_t peer : peers) {
        TF_AutoStatus status;
        for (int attempt = 0; attempt < 3; attempt++) {
          TFE_CollectiveOpsCheckPeerHealth(context, Task(peer).c_str(), patience, status.status);
          if (TF_GetCode(status.status) == TF_OK) break;
        }
        if (TF_GetCode(status.status) == TF_OK) continue;
        lost = peer;
        why = TF_Message(status.status);
        break;
      }
      lock.lock();
      if (lost < 0 || watch.end) continue;
      watch.lost = lost;
      watch.why = why;
      TF_AutoStatus status;
      TF_SetStatus(status.status, TF_UNAVAILABLE, ("worker " + std::to_string(lost) + " is lost: " + why).c_str());
      TFE_AbortCollectiveOps(context, status.status);
      return;
    }
  });
  return nullptr;
}

// clusterLost() -> number of the worker that the watch found dead, or -1
napi_value ClusterLost(napi_env env, napi_callback_info) {
  std::lock_guard<std::mutex> guard(watch.mutex);
  return Number(env, watch.lost);
}

// clusterStop(): no longer watches
napi_value ClusterStop(napi_env env, napi_callback_info) {
  watch.Stop();
  return nullptr;
}

}  // namespace
}  // namespace tfnodejs
