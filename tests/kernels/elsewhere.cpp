// A function of the kernels on another processor: reads a file of arrays and structures, calls it, writes the arrays.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

extern "C" {
void egi_messages();
void egi_messages_back();
void egi_attention();
void egi_attention_back();
void egi_transition();
void egi_transition_back();
void egi_layers();
}

using Function = void (*)(void*, void*, void*, void*, void*, void*, void*, void*);
struct Named {
  const char* name;
  void (*function)();
};
static const Named FUNCTIONS[] = {{"egi_messages", egi_messages},     {"egi_messages_back", egi_messages_back},
                                  {"egi_attention", egi_attention},   {"egi_attention_back", egi_attention_back},
                                  {"egi_transition", egi_transition}, {"egi_transition_back", egi_transition_back},
                                  {"egi_layers", egi_layers}};

static int64_t number(FILE* file) {
  int64_t value = 0;
  if (fread(&value, sizeof value, 1, file) != 1) value = 0;
  return value;
}
static std::vector<char> bytes(FILE* file) {
  std::vector<char> found(number(file));
  if (fread(found.data(), 1, found.size(), file) != found.size()) found.clear();
  return found;
}

// elsewhere FUNCTION IN OUT. IN: arrays, then structures, each with the places of pointers in it and the arrays that
// these point to; a structure without bytes is a null pointer.
int main(int count, char** words) {
  if (count != 4) return 2;
  FILE* in = fopen(words[2], "rb");
  std::vector<std::vector<char>> arrays(number(in)), structures;
  for (auto& each : arrays) each = bytes(in);
  structures.resize(number(in));
  void* arguments[8]{};
  for (size_t k = 0; k < structures.size(); k++) {
    structures[k] = bytes(in);
    for (int64_t left = number(in); left > 0; left--) {
      const int64_t place = number(in);
      void* to = arrays[number(in)].data();
      memcpy(&structures[k][place], &to, sizeof to);
    }
    arguments[k] = structures[k].empty() ? nullptr : structures[k].data();
  }
  fclose(in);
  for (const Named& each : FUNCTIONS)
    if (std::string(each.name) == words[1]) {
      auto call = reinterpret_cast<Function>(each.function);
      call(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5], arguments[6],
           arguments[7]);
      FILE* out = fopen(words[3], "wb");
      for (const auto& array : arrays) fwrite(array.data(), 1, array.size(), out);
      return fclose(out);
    }
  return 3;
}
