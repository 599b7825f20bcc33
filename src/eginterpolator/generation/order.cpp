// Order of pieces in trajectories, drawn with the probability of a jump process (see order.py).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

constexpr float AGAIN = -20;  // a piece that was used twice does not follow itself

// An entry of the order is the number of a piece, or ~number where it runs backwards.
int64_t number(int64_t entry) { return entry < 0 ? ~entry : entry; }

struct Places {
    int64_t count, length, movers;
    const int32_t* heads;   // wells at the first frame of each piece, [pieces, movers]
    const int32_t* tails;   // and at its last one
    const float* tables;    // logarithms of kernels, one after the other
    const int64_t* firsts;  // where the table of each mover begins
    const int32_t* sizes;   // wells of each mover
    const int32_t* groups;  // state of the slow movers of each piece: a place keeps that of its piece
    int64_t* order;

    // Whether the pieces of two stretches of `n` places may change places, the second one read in steps of `step`.
    bool alike(int64_t a, int64_t b, int64_t n, int64_t step) const {
        for (int64_t i = 0; i < n; ++i)
            if (groups[number(order[a + i])] != groups[number(order[b + i * step])]) return false;
        return true;
    }

    // Logarithm of the probability that piece b follows piece a.
    float follows(int64_t a, int64_t b) const {
        const int32_t* from = (a < 0 ? heads : tails) + number(a) * movers;
        const int32_t* to = (b < 0 ? tails : heads) + number(b) * movers;
        float sum = number(a) == number(b) ? AGAIN : 0;
        for (int64_t m = 0; m < movers; ++m) sum += tables[firsts[m] + from[m] * sizes[m] + to[m]];
        return sum;
    }

    // What the `n` places from `at` on would add at their two ends, with the pieces `head` to `tail` there.
    float ends(int64_t at, int64_t n, int64_t head, int64_t tail) const {
        float sum = 0;
        if (at % length) sum += follows(order[at - 1], head);
        if ((at + n) % length) sum += follows(tail, order[at + n]);
        return sum;
    }
};

// Xoshiro256++ (Blackman and Vigna 2021), seeded by SplitMix64: a draw is a few additions.
struct Random {
    uint64_t s[4];
    explicit Random(uint64_t seed) {
        for (uint64_t& word : s) {
            uint64_t z = seed += 0x9e3779b97f4a7c15;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            word = z ^ (z >> 31);
        }
    }
    static uint64_t turned(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }
    uint64_t operator()() {
        const uint64_t result = turned(s[0] + s[3], 23) + s[0], t = s[1] << 17;
        s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3], s[2] ^= t, s[3] = turned(s[3], 45);
        return result;
    }
    int64_t below(int64_t n) { return (int64_t)(((unsigned __int128)(*this)() * (uint64_t)n) >> 64); }
    float uniform() { return (float)((*this)() >> 40) * 0x1.0p-24f; }
    bool accepts(float gain) { return gain >= 0 || uniform() < std::exp(gain); }
};

constexpr int64_t LENGTHS = 4096;

// Lengths of stretches up to `most`, short ones as often as long ones.
std::vector<int64_t> lengths(int64_t most) {
    std::vector<int64_t> found(LENGTHS);
    for (int64_t k = 0; k < LENGTHS; ++k)
        found[k] = std::min(most, (int64_t)std::exp((k + 0.5) / LENGTHS * std::log((double)most)) + 1);
    return found;
}

}  // namespace

extern "C" void order_pieces(int64_t count, int64_t length, int64_t movers, const int32_t* heads, const int32_t* tails,
                             const float* tables, const int64_t* firsts, const int32_t* sizes, const int32_t* groups,
                             int64_t* order, int64_t moves, uint64_t seed) {
    const Places f{count, length, movers, heads, tails, tables, firsts, sizes, groups, order};
    Random random(seed);
    const std::vector<int64_t> most = lengths(length);
    const int64_t chains = count / length;
    for (int64_t move = 0; move < moves; ++move) {
        if (random.below(4) == 0) {  // a stretch of a trajectory backwards
            int64_t i = random.below(length), j = random.below(length);
            if (i > j) std::swap(i, j);
            const int64_t at = random.below(chains) * length + i, n = j - i + 1;
            const int64_t head = order[at], tail = order[at + n - 1];
            if (!random.accepts(f.ends(at, n, ~tail, ~head) - f.ends(at, n, head, tail))) continue;
            if (!f.alike(at, at + n - 1, n, -1)) continue;
            std::reverse(order + at, order + at + n);
            for (int64_t i = at; i < at + n; ++i) order[i] = ~order[i];
            continue;
        }
        // two stretches change places
        const int64_t n = 1 + random.below(most[random.below(LENGTHS)]);
        int64_t a = random.below(chains) * length + random.below(length - n + 1);
        int64_t b = random.below(chains) * length + random.below(length - n + 1);
        if (a > b) std::swap(a, b);
        if (b - a <= n) continue;
        const float now = f.ends(a, n, order[a], order[a + n - 1]) + f.ends(b, n, order[b], order[b + n - 1]);
        const float then = f.ends(a, n, order[b], order[b + n - 1]) + f.ends(b, n, order[a], order[a + n - 1]);
        if (!random.accepts(then - now)) continue;
        if (f.alike(a, b, n, 1)) std::swap_ranges(order + a, order + a + n, order + b);
    }
}
