// tfjs-node's addon with what TensorFlow.js has no word for: kernels put into a graph, the graph made a function, the function run as
// one call. Compiled in place of tfjs_binding.cc, which it includes; src/engine/compiled.ts is what calls it.
#include <node_api.h>

#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"
#include "tf_auto_status.h"
#include "tfe_auto_op.h"

// The backend keeps its context and its table of tensors to itself.
#define private public
#include "tfjs_backend.h"
#undef private

// The addon's own entry: taken up by the one at the end of this file.
#undef NAPI_MODULE
#define NAPI_MODULE(name, init)
#include "tfjs_binding.cc"

namespace tfnodejs {
namespace {

struct Graph {
  TF_Graph *graph = TF_NewGraph();
  std::vector<TF_Operation *> operations;
  std::vector<TF_Output> inputs;
  ~Graph() { TF_DeleteGraph(graph); }
};

// A value of JavaScript was not what it should be: compiled.ts is the only caller, so this is a fault of its own.
napi_value Refuse(napi_env env, const char *what) {
  napi_throw_error(env, nullptr, what);
  return nullptr;
}

bool Failed(napi_env env, const TF_AutoStatus &status) {
  if (TF_GetCode(status.status) == TF_OK) return false;
  napi_throw_error(env, nullptr, TF_Message(status.status));
  return true;
}

template <size_t N>
struct Arguments {
  napi_value at[N];
  Arguments(napi_env env, napi_callback_info info) {
    size_t n = N;
    napi_get_cb_info(env, info, &n, at, nullptr, nullptr);
  }
  napi_value operator[](size_t i) const { return at[i]; }
};

int32_t Int(napi_env env, napi_value value) {
  int32_t i = 0;
  napi_get_value_int32(env, value, &i);
  return i;
}

std::string Text(napi_env env, napi_value value) {
  std::string text;
  GetStringParam(env, value, text);
  return text;
}

napi_value Number(napi_env env, double value) {
  napi_value number;
  napi_create_double(env, value, &number);
  return number;
}

// An Int32Array, in place.
std::pair<const int32_t *, size_t> Ints(napi_env env, napi_value value) {
  napi_typedarray_type type;
  size_t length = 0;
  void *data = nullptr;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_int32_array) return {nullptr, 0};
  return {static_cast<const int32_t *>(data), length};
}

// An array of numbers.
template <typename T>
std::vector<T> List(napi_env env, napi_value value) {
  uint32_t n = 0;
  napi_get_array_length(env, value, &n);
  std::vector<T> list(n);
  for (uint32_t i = 0; i < n; i++) {
    napi_value element;
    double number = 0;
    napi_get_element(env, value, i, &element);
    if (napi_get_value_double(env, element, &number) != napi_ok) {
      bool truth = false;
      napi_get_value_bool(env, element, &truth);
      number = truth;
    }
    list[i] = static_cast<T>(number);
  }
  return list;
}

napi_value Property(napi_env env, napi_value object, const char *name) {
  napi_value value;
  napi_get_named_property(env, object, name, &value);
  return value;
}

Graph *GraphOf(napi_env env, napi_value external) {
  void *graph = nullptr;
  napi_get_value_external(env, external, &graph);
  return static_cast<Graph *>(graph);
}

bool OutputsOf(Graph *graph, std::pair<const int32_t *, size_t> pairs, std::vector<TF_Output> *outputs) {
  for (size_t i = 0; i + 1 < pairs.second; i += 2) {
    const size_t operation = pairs.first[i];
    if (operation >= graph->operations.size()) return false;
    outputs->push_back({graph->operations[operation], pairs.first[i + 1]});
  }
  return true;
}

// newGraph() -> graph, freed with the last reference to it
napi_value NewGraph(napi_env env, napi_callback_info) {
  napi_value external;
  napi_create_external(env, new Graph(), [](napi_env, void *graph, void *) { delete static_cast<Graph *>(graph); }, nullptr, &external);
  return external;
}

napi_value Finish(napi_env env, Graph *graph, TF_OperationDescription *description) {
  TF_AutoStatus status;
  TF_Operation *operation = TF_FinishOperation(description, status.status);
  if (Failed(env, status)) return nullptr;
  graph->operations.push_back(operation);
  return Number(env, graph->operations.size() - 1);
}

// placeholder(graph, name, dtype, shape with -1 for what is open) -> number of the operation
napi_value Placeholder(napi_env env, napi_callback_info info) {
  Arguments<4> a(env, info);
  Graph *graph = GraphOf(env, a[0]);
  auto shape = List<int64_t>(env, a[3]);
  auto *d = TF_NewOperation(graph->graph, "Placeholder", Text(env, a[1]).c_str());
  TF_SetAttrType(d, "dtype", static_cast<TF_DataType>(Int(env, a[2])));
  TF_SetAttrShape(d, "shape", shape.data(), static_cast<int>(shape.size()));
  napi_value number = Finish(env, graph, d);
  if (number) graph->inputs.push_back({graph->operations.back(), 0});
  return number;
}

// constant(graph, name, tensor id) -> number of the operation; copies the value
napi_value Constant(napi_env env, napi_callback_info info) {
  Arguments<3> a(env, info);
  Graph *graph = GraphOf(env, a[0]);
  TFJSBackend *backend = GetTFJSBackend(env);
  auto found = backend->tfe_handle_map_.find(Int(env, a[2]));
  if (found == backend->tfe_handle_map_.end()) return Refuse(env, "no such tensor");
  TF_AutoStatus status;
  std::unique_ptr<TF_Tensor, decltype(&TF_DeleteTensor)> tensor(TFE_TensorHandleResolve(found->second, status.status), TF_DeleteTensor);
  if (Failed(env, status)) return nullptr;
  auto *d = TF_NewOperation(graph->graph, "Const", Text(env, a[1]).c_str());
  TF_SetAttrType(d, "dtype", TF_TensorType(tensor.get()));
  TF_SetAttrTensor(d, "value", tensor.get(), status.status);
  return Finish(env, graph, d);
}

void SetAttribute(napi_env env, TF_OperationDescription *d, napi_value attribute) {
  const std::string name = Text(env, Property(env, attribute, "name"));
  napi_value value = Property(env, attribute, "value");
  bool list = false;
  napi_is_array(env, value, &list);
  switch (static_cast<TF_AttrType>(Int(env, Property(env, attribute, "type")))) {
    case TF_ATTR_STRING: {
      const std::string text = Text(env, value);
      TF_SetAttrString(d, name.c_str(), text.data(), text.size());
      break;
    }
    case TF_ATTR_INT:
      if (list) {
        auto values = List<int64_t>(env, value);
        TF_SetAttrIntList(d, name.c_str(), values.data(), static_cast<int>(values.size()));
      } else {
        int64_t number = 0;
        napi_get_value_int64(env, value, &number);
        TF_SetAttrInt(d, name.c_str(), number);
      }
      break;
    case TF_ATTR_FLOAT:
      if (list) {
        auto values = List<float>(env, value);
        TF_SetAttrFloatList(d, name.c_str(), values.data(), static_cast<int>(values.size()));
      } else {
        double number = 0;
        napi_get_value_double(env, value, &number);
        TF_SetAttrFloat(d, name.c_str(), static_cast<float>(number));
      }
      break;
    case TF_ATTR_BOOL:
      if (list) {
        auto values = List<unsigned char>(env, value);
        TF_SetAttrBoolList(d, name.c_str(), values.data(), static_cast<int>(values.size()));
      } else {
        bool truth = false;
        napi_get_value_bool(env, value, &truth);
        TF_SetAttrBool(d, name.c_str(), truth);
      }
      break;
    case TF_ATTR_TYPE:
      TF_SetAttrType(d, name.c_str(), static_cast<TF_DataType>(Int(env, value)));
      break;
    case TF_ATTR_SHAPE: {
      auto shape = List<int64_t>(env, value);
      TF_SetAttrShape(d, name.c_str(), shape.data(), static_cast<int>(shape.size()));
      break;
    }
    default:
      napi_throw_error(env, nullptr, "an attribute of a kind that functions do not take");
  }
}

// addOperation(graph, kernel, name, attributes, inputs Int32Array [operation, output, ...],
//   lengths Int32Array: for each argument of the kernel -1, or of how many inputs its list consists,
//   after: the operation that has to end before, or -1) -> number of the operation
napi_value AddOperation(napi_env env, napi_callback_info info) {
  Arguments<7> a(env, info);
  Graph *graph = GraphOf(env, a[0]);
  std::vector<TF_Output> inputs;
  if (!OutputsOf(graph, Ints(env, a[4]), &inputs)) return Refuse(env, "an input that is not in the graph");
  auto lengths = Ints(env, a[5]);
  auto *d = TF_NewOperation(graph->graph, Text(env, a[1]).c_str(), Text(env, a[2]).c_str());
  size_t at = 0;
  for (size_t i = 0; i < lengths.second; i++) {
    const size_t count = lengths.first[i] < 0 ? 1 : lengths.first[i];
    if (at + count > inputs.size()) break;  // TensorFlow says which input is missing.
    if (lengths.first[i] < 0) TF_AddInput(d, inputs[at]);
    else TF_AddInputList(d, inputs.data() + at, static_cast<int>(count));
    at += count;
  }
  const int32_t after = Int(env, a[6]);
  if (after >= 0 && static_cast<size_t>(after) < graph->operations.size()) TF_AddControlInput(d, graph->operations[after]);
  uint32_t attributes = 0;
  napi_get_array_length(env, a[3], &attributes);
  for (uint32_t i = 0; i < attributes; i++) {
    napi_value attribute;
    napi_get_element(env, a[3], i, &attribute);
    SetAttribute(env, d, attribute);
  }
  return Finish(env, graph, d);
}

// operationDefinition(kernel) -> Uint8Array with TensorFlow's OpDef
napi_value OperationDefinition(napi_env env, napi_callback_info info) {
  Arguments<1> a(env, info);
  TF_AutoStatus status;
  std::unique_ptr<TF_Buffer, decltype(&TF_DeleteBuffer)> buffer(TF_NewBuffer(), TF_DeleteBuffer);
  std::unique_ptr<TF_Graph, decltype(&TF_DeleteGraph)> graph(TF_NewGraph(), TF_DeleteGraph);
  TF_GraphGetOpDef(graph.get(), Text(env, a[0]).c_str(), buffer.get(), status.status);
  if (Failed(env, status)) return nullptr;
  void *data = nullptr;
  napi_value bytes, array;
  napi_create_arraybuffer(env, buffer->length, &data, &bytes);
  std::memcpy(data, buffer->data, buffer->length);
  napi_create_typedarray(env, napi_uint8_array, buffer->length, bytes, 0, &array);
  return array;
}

// makeFunction(graph, name, outputs Int32Array [operation, output, ...])
napi_value MakeFunction(napi_env env, napi_callback_info info) {
  Arguments<3> a(env, info);
  Graph *graph = GraphOf(env, a[0]);
  std::vector<TF_Output> outputs;
  if (!OutputsOf(graph, Ints(env, a[2]), &outputs)) return Refuse(env, "an output that is not in the graph");
  TF_AutoStatus status;
  std::unique_ptr<TF_Function, decltype(&TF_DeleteFunction)> function(
      TF_GraphToFunction(graph->graph, Text(env, a[1]).c_str(), 0, -1, nullptr, static_cast<int>(graph->inputs.size()), graph->inputs.data(),
                         static_cast<int>(outputs.size()), outputs.data(), nullptr, nullptr, nullptr, status.status),
      TF_DeleteFunction);
  if (Failed(env, status)) return nullptr;
  TFE_ContextAddFunction(GetTFJSBackend(env)->tfe_context_, function.get(), status.status);
  Failed(env, status);
  return nullptr;
}

// callFunction(name, tensor ids Int32Array, number of outputs, ConfigProto as Uint8Array) -> [{id, shape, dtype}, ...]
napi_value CallFunction(napi_env env, napi_callback_info info) {
  Arguments<4> a(env, info);
  TFJSBackend *backend = GetTFJSBackend(env);
  TF_AutoStatus status;
  TFE_AutoOp op(TFE_NewOp(backend->tfe_context_, Text(env, a[0]).c_str(), status.status));
  if (Failed(env, status)) return nullptr;
  auto ids = Ints(env, a[1]);
  for (size_t i = 0; i < ids.second; i++) {
    auto found = backend->tfe_handle_map_.find(ids.first[i]);
    if (found == backend->tfe_handle_map_.end()) return Refuse(env, "a tensor that the function reads was disposed of");
    TFE_OpAddInput(op.op, found->second, status.status);
    if (Failed(env, status)) return nullptr;
  }
  napi_typedarray_type type;
  size_t length = 0;
  void *data = nullptr;
  napi_get_typedarray_info(env, a[3], &type, &length, &data, nullptr, nullptr);
  TFE_OpSetAttrString(op.op, "config_proto", data, length);
  int count = Int(env, a[2]);
  std::vector<TFE_TensorHandle *> results(count, nullptr);
  TFE_Execute(op.op, results.data(), &count, status.status);
  if (Failed(env, status)) return nullptr;
  napi_value infos;
  napi_create_array_with_length(env, count, &infos);
  for (int i = 0; i < count; i++) napi_set_element(env, infos, i, backend->GenerateOutputTensorInfo(env, results[i]));
  return infos;
}

// removeFunction(name)
napi_value RemoveFunction(napi_env env, napi_callback_info info) {
  Arguments<1> a(env, info);
  TF_AutoStatus status;
  TFE_ContextRemoveFunction(GetTFJSBackend(env)->tfe_context_, Text(env, a[0]).c_str(), status.status);
  Failed(env, status);
  return nullptr;
}

}  // namespace
}  // namespace tfnodejs

#include "cluster.cc"

namespace tfnodejs {
namespace {

napi_value Init(napi_env env, napi_value exports) {
  napi_value result = InitTFNodeJSBinding(env, exports);
  if (!result) return nullptr;
  const std::pair<const char *, napi_callback> functions[] = {
      {"newGraph", NewGraph},         {"placeholder", Placeholder},
      {"constant", Constant},         {"addOperation", AddOperation},
      {"makeFunction", MakeFunction}, {"operationDefinition", OperationDefinition},
      {"callFunction", CallFunction}, {"removeFunction", RemoveFunction},
      {"clusterStart", ClusterStart}, {"clusterAsk", ClusterAsk},
      {"clusterWatch", ClusterWatch}, {"clusterLost", ClusterLost},
      {"clusterStop", ClusterStop},   {"clusterLimit", ClusterLimit},
  };
  for (const auto &[name, callback] : functions) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
    napi_set_named_property(env, result, name, function);
  }
  return result;
}

}  // namespace
}  // namespace tfnodejs

NAPI_MODULE_INIT() { return tfnodejs::Init(env, exports); }
