// Inputs that lie in memory rather than in a cache.
#pragma once
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace vlprm::bench {

// More than the last-level cache has of most machines.
constexpr int64_t POOL_BYTES = int64_t{256} << 20;

inline std::vector<float> normals(size_t size, float scale, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  std::vector<float> values(size);
  for (float& value : values) value = normal(random);
  return values;
}

// As many whole windows of `windowSize` elements as a pool holds, at least one, filled with the elements of `pattern` over and over.
template <class Element>
class Pool {
 public:
  Pool(int64_t windowSize, const std::vector<Element>& pattern) : windowSize_(windowSize) {
    const int64_t windowBytes = windowSize * static_cast<int64_t>(sizeof(Element));
    windows_ = windowBytes < POOL_BYTES ? POOL_BYTES / windowBytes : 1;
    elements_.resize(static_cast<size_t>(windows_ * windowSize));
    for (size_t begin = 0; begin < elements_.size(); begin += pattern.size()) {
      const size_t count = elements_.size() - begin < pattern.size() ? elements_.size() - begin : pattern.size();
      std::memcpy(elements_.data() + begin, pattern.data(), count * sizeof(Element));
    }
  }
  const Element* window(int64_t sample) const { return elements_.data() + sample % windows_ * windowSize_; }
  Element* window(int64_t sample) { return elements_.data() + sample % windows_ * windowSize_; }
  size_t bytes() const { return elements_.size() * sizeof(Element); }
  int64_t windowBytes() const { return windowSize_ * static_cast<int64_t>(sizeof(Element)); }

 private:
  int64_t windowSize_;
  int64_t windows_;
  std::vector<Element> elements_;
};

}  // namespace vlprm::bench
