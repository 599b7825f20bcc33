// Order of frames in trajectories, drawn with the probability of a jump process (see order.py).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

namespace {

constexpr float AGAIN = -20;  // a frame that was used twice does not follow itself

struct Frames {
    int64_t count, length, movers;
    const int32_t* wells;   // [count, movers]
    const float* tables;    // logarithms of kernels, one after the other
    const int64_t* firsts;  // where the table of each mover begins
    const int32_t* sizes;   // wells of each mover
    const int32_t* groups;  // state of the slow movers of each frame: a place keeps that of its frame
    int64_t* order;

    // Whether the frames of two stretches of `n` places may change places, the second one read in steps of `step`.
    bool alike(int64_t a, int64_t b, int64_t n, int64_t step) const {
        for (int64_t i = 0; i < n; ++i)
            if (groups[order[a + i]] != groups[order[b + i * step]]) return false;
        return true;
    }

    // Logarithm of the probability that frame b follows frame a.
    float follows(int64_t a, int64_t b) const {
        const int32_t *from = wells + a * movers, *to = wells + b * movers;
        float sum = a == b ? AGAIN : 0;
        for (int64_t m = 0; m < movers; ++m) sum += tables[firsts[m] + from[m] * sizes[m] + to[m]];
        return sum;
    }

    // What the `n` places from `at` on would add at their two ends, with the frames `head` to `tail` there.
    float ends(int64_t at, int64_t n, int64_t head, int64_t tail) const {
        float sum = 0;
        if (at % length) sum += follows(order[at - 1], head);
        if ((at + n) % length) sum += follows(tail, order[at + n]);
        return sum;
    }
};

}  // namespace

extern "C" void order_frames(int64_t count, int64_t length, int64_t movers, const int32_t* wells, const float* tables,
                             const int64_t* firsts, const int32_t* sizes, const int32_t* groups, int64_t* order,
                             int64_t moves, uint64_t seed) {
    const Frames f{count, length, movers, wells, tables, firsts, sizes, groups, order};
    std::mt19937_64 random(seed);
    const auto below = [&](int64_t n) { return (int64_t)(((unsigned __int128)random() * (uint64_t)n) >> 64); };
    const auto uniform = [&] { return (double)(random() >> 11) * 0x1.0p-53; };
    const auto accepted = [&](float gain) { return gain >= 0 || uniform() < std::exp(gain); };
    const int64_t chains = count / length;
    for (int64_t move = 0; move < moves; ++move) {
        if (below(4) == 0) {  // a stretch of a trajectory backwards
            int64_t i = below(length), j = below(length);
            if (i > j) std::swap(i, j);
            const int64_t at = below(chains) * length + i, n = j - i + 1;
            if (!f.alike(at, at + n - 1, n, -1)) continue;
            const int64_t head = order[at], tail = order[at + n - 1];
            if (accepted(f.ends(at, n, tail, head) - f.ends(at, n, head, tail)))
                std::reverse(order + at, order + at + n);
            continue;
        }
        // two stretches, short ones as often as long ones, change places
        const int64_t n = 1 + below(std::min(length, (int64_t)std::exp(uniform() * std::log((double)length)) + 1));
        int64_t a = below(chains) * length + below(length - n + 1), b = below(chains) * length + below(length - n + 1);
        if (a > b) std::swap(a, b);
        if (b - a <= n || !f.alike(a, b, n, 1)) continue;
        const float now = f.ends(a, n, order[a], order[a + n - 1]) + f.ends(b, n, order[b], order[b + n - 1]);
        const float then = f.ends(a, n, order[b], order[b + n - 1]) + f.ends(b, n, order[a], order[a + n - 1]);
        if (accepted(then - now)) std::swap_ranges(order + a, order + a + n, order + b);
    }
}
