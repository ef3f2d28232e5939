#pragma once

namespace vlprm::napi {

// As src/addon.ts counts them.
enum Device { CPU = 0, CUDA = 1, DEVICES = 2 };

}  // namespace vlprm::napi
