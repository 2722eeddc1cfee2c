// What slicing and appearance give for each Gaussian, bit by bit.
layout(location = 0) out uvec4 meanAndOpacity;
layout(location = 1) out uvec4 colour;

void main() {
  Sliced s = slice(int(gl_FragCoord.y) * 1024 + int(gl_FragCoord.x));
  meanAndOpacity = floatBitsToUint(vec4(s.mean, s.opacity));
  colour = floatBitsToUint(vec4(s.rgb, 0.0));
}
