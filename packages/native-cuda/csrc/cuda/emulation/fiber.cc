#include "cuda/emulation/fiber.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace vlprm::simt {

namespace {

constexpr size_t STACK_BYTES = size_t{256} << 10;
constexpr size_t GUARD_BYTES = size_t{64} << 10;  // a multiple of every page size

// What AddressSanitizer is told of a switch between stacks; nothing without it.
struct StackNote {
  void* fake = nullptr;
  const void* bottom = nullptr;
  size_t size = 0;

  // On this stack, just before the switch to `next`; `last` when this stack will not be entered again.
  void depart(const StackNote& next, bool last) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(last ? nullptr : &fake, next.bottom, next.size);
#else
    (void)next;
    (void)last;
#endif
  }
  // On this stack, just after a switch from `previous`.
  void arrive(StackNote* previous) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, previous == nullptr ? nullptr : &previous->bottom, previous == nullptr ? nullptr : &previous->size);
#else
    (void)previous;
#endif
  }
};

}  // namespace

#if defined(__x86_64__)

// Saves what the calling convention asks a callee to keep, and exchanges stacks. swapcontext() would add two system calls.
extern "C" __attribute__((visibility("hidden"))) void vlprmSwitchStack(void** save, void* load);
asm(R"(
  .text
  .hidden vlprmSwitchStack
  .globl vlprmSwitchStack
  .type vlprmSwitchStack, @function
vlprmSwitchStack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size vlprmSwitchStack, . - vlprmSwitchStack
)");

namespace {

constexpr int SAVED_REGISTERS = 6;

struct Machine {
  void* inside = nullptr;
  void* outside = nullptr;

  void prepare(char* stack, void (*entry)()) {
    uintptr_t* top = reinterpret_cast<uintptr_t*>(stack + STACK_BYTES) - 2;  // keeps the alignment that a call leaves
    top[0] = reinterpret_cast<uintptr_t>(entry);
    top[1] = 0;
    for (int i = 1; i <= SAVED_REGISTERS; ++i) top[-i] = 0;
    inside = top - SAVED_REGISTERS;
  }
  void enter() { vlprmSwitchStack(&outside, inside); }
  void exit() { vlprmSwitchStack(&inside, outside); }
};

}  // namespace

#else

namespace {

struct Machine {
  ucontext_t inside;
  ucontext_t outside;

  void prepare(char* stack, void (*entry)()) {
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = STACK_BYTES;
    inside.uc_link = nullptr;
    makecontext(&inside, entry, 0);
  }
  void enter() { swapcontext(&outside, &inside); }
  void exit() { swapcontext(&inside, &outside); }
};

}  // namespace

#endif

struct Fiber::Context {
  Machine machine;
  char* mapping = nullptr;
  StackNote inside;
  StackNote outside;
  void (*entry)(void*) = nullptr;
  void* argument = nullptr;
};

namespace {
// Handed to a fiber that starts: its entry takes no argument. Launches are serialised, so one is enough.
void* starting = nullptr;
}  // namespace

Fiber::Fiber() : context_(std::make_unique<Context>()) {
  void* mapping = mmap(nullptr, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) abort();
  mprotect(mapping, GUARD_BYTES, PROT_NONE);
  context_->mapping = static_cast<char*>(mapping);
}

Fiber::~Fiber() { munmap(context_->mapping, GUARD_BYTES + STACK_BYTES); }

void Fiber::begin(void (*entry)(void*), void* argument) {
  Context& context = *context_;
  char* stack = context.mapping + GUARD_BYTES;
  context.inside = {nullptr, stack, STACK_BYTES};
  context.entry = entry;
  context.argument = argument;
  context.machine.prepare(stack, [] { start(*static_cast<Context*>(starting)); });
}

void Fiber::start(Context& context) {
  context.inside.arrive(&context.outside);
  context.entry(context.argument);
  abort();
}

void Fiber::resume() {
  Context& context = *context_;
  starting = &context;
  context.outside.depart(context.inside, false);
  context.machine.enter();
  context.outside.arrive(nullptr);
}

void Fiber::suspend() {
  Context& context = *context_;
  context.inside.depart(context.outside, false);
  context.machine.exit();
  context.inside.arrive(&context.outside);
}

void Fiber::leave() {
  Context& context = *context_;
  context.inside.depart(context.outside, true);
  context.machine.exit();
  abort();
}

}  // namespace vlprm::simt
